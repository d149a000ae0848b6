"""Does the test suite notice a fault in the contracts? Small changes, one at a time, and which test sees them."""
