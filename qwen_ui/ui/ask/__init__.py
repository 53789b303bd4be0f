"""The Ask tab and the /ask endpoint: answers from the model alone, a pasted text, or a collection of documents."""
