"""A fictional clinic, lived through rather than filled in: every row is made by the services, day after day."""
