"""What a policy is, and how it comes to a plan. Pure."""
