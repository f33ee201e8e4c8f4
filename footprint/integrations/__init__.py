"""Bridges to other tools: callbacks that track with us, importers of what others wrote.

Each module stands alone and imports its tool only when it is imported itself:

`flower`
    Measures clients and servers of Flower, and simulates them.
`huggingface`, `lightning`
    Callbacks for the trainers of Hugging Face and of Lightning.
`codecarbon`, `nvflare`
    Importers of files; they need neither tool.
"""
