"""Small changes of the contracts, one at a time: does a test notice?"""
