"""The Translate tab and the /translate endpoint: texts and files, cut into segments that are translated together."""
