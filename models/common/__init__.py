"""What all networks share: streaming state, spectra, resampling, ONNX graphs, reading weights."""
