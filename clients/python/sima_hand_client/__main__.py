"""`python -m sima_hand_client` is `simahand`."""

from sima_hand_client.cli import main

raise SystemExit(main())
