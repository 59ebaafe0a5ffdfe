{
  "cwlVersion": "v1.2",
  "class": "CommandLineTool",
  "baseCommand": [
    "sh",
    "-c",
    "echo $(date)"
  ],
  "arguments": [
    "$(runtime.outdir)"
  ],
  "inputs": {
    "s": {
      "type": "string",
      "default": "$(1 + 1)"
    }
  },
  "outputs": {
    "n": {
      "type": "string",
      "outputBinding": {
        "outputEval": "$(inputs['s'])"
      }
    }
  }
}
