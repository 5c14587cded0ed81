"""`mesrai ci`: reviews in the pipelines of GitLab, Bitbucket and Azure."""
