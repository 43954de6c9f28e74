"""What tests of several folders share, other than fixtures."""
