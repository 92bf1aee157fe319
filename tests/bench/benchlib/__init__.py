"""What tests/bench/run is made of: processes, daemons, load, cases and the report."""
