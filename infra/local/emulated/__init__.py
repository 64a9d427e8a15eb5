"""The emulated cloud: real servers on this machine that speak the protocols of Google Cloud and its neighbours."""
