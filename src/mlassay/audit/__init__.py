"""History in, findings out: reads git objects back with the policy that let them in. Never imports the stages."""
