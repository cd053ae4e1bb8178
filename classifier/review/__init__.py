"""The review page: which answers come next, who gets them, and what reviewers say."""
