"""The build of the served page: www/ and the client's Python to build/page/."""
