"""What tests share beside the fixtures: waiting, comparing, running the engine."""
