"""What the vLLM and the llama.cpp server on Modal share."""
