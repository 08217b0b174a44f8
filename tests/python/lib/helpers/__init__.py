"""What tests of several files call; fixtures are in each folder's conftest.py."""
