"""Text that several tabs share: decoding of files, Markdown, languages. Without a model and without widgets."""
