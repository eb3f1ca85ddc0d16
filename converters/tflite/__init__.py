"""TFLite files: TensorFlow's converter and the LiteRT quantizer."""
