"""The API of Bitbucket's cloud, as far as a push leaves something to ask."""

from tiphys.adapters.bitbucket.api import BitbucketCloud

__all__ = ["BitbucketCloud"]
