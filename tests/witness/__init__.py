"""Other people's programs and test suites, unmodified, against what this project has built."""
