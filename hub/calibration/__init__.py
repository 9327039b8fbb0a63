"""What a series is calibrated by, when: asked at every value that is shown or told."""
