"""What we know of every session. Pure: observations in, events out; time comes in with them."""
