"""Our options in Locust's parser, plan and start form."""
