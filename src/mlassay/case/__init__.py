"""Cases read from git: releases, promotions and changes as values that policy can decide about."""
