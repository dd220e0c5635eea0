"""The page as browsers get it: few files, small ones, kept by caches as long as they are true."""
