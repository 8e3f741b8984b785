"""Free time and slots as functions of values: no database, no clock, no Django."""
