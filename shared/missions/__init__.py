"""The mission's state, written once on top of the document store.

``machine``     the legal transitions                ``records``     what is stored
``repository``  create, read, list, change, delete   ``chain``       the audit chain inside a transaction
``slices``      leases, results, commits             ``view``        ``MissionState`` from the records
``audit``       verify and anchor chains             ``activity``    what slices at work are at
"""
