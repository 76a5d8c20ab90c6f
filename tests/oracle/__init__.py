"""An independent oracle: random concurrent programs, a brute-force interpreter."""
