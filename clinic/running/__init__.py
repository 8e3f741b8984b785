"""Everything that starts, watches and stops the processes of one Stratum. Knows nothing of patients."""
