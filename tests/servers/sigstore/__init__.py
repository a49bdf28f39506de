"""A small Sigstore of the tests' own: authority, certificate log, signature log, trusted root; in memory or over HTTP.

own = Sigstore()                                     # new keys each time
own.trust_config()                                   # what governance/sigstore.json takes
own.bundle(statement_bytes, CLAIMS, when)            # a bundle made with a certificate of these claims
with serving(own) as urls: ...                       # the same over HTTP, with the CI's token service
"""

from tests.servers.sigstore.authority import CLAIMS, Authority
from tests.servers.sigstore.instance import Sigstore
from tests.servers.sigstore.log import Log
from tests.servers.sigstore.serving import serving

__all__ = ["CLAIMS", "Authority", "Log", "Sigstore", "serving"]
