"""base is secure by default; demo, test and production only say what differs."""
