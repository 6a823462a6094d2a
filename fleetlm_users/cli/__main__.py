"""`python -m fleetlm_users.cli`, also installed as `fleetlm-bench`."""

from fleetlm_users.cli.main import main

if __name__ == "__main__":
    main()
