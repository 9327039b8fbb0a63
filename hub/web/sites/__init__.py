"""The parts of the page Sites."""
