"""Backup and restore: everything of one moment in one file, and back into an empty server, whole or not at all.

`box` is the file, `manifest` what it says of itself, `contents` what stands in a database, `programs` the database's own
tools, `keeping` makes a backup, `restoring` brings it back, `freezing` keeps messages here afterwards.
"""
