"""One gate, one file: its id, its criteria, its measurement, its findings. `wiring` names them."""
