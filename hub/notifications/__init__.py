"""What people are told: rules in plain words, what there was to tell, where it goes."""
