"""Where the parts of the service are joined: the code host, the queue, the store, the stories and the doors."""
