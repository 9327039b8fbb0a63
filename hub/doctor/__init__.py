"""`dormouse hub doctor`: tries the forbidden things itself and says what it found."""
