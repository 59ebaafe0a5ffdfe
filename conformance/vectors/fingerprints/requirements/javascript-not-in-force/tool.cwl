{
  "cwlVersion": "v1.2",
  "class": "CommandLineTool",
  "hints": {
    "InlineJavascriptRequirement": {}
  },
  "baseCommand": [
    "sh",
    "-c",
    "echo $(date)"
  ],
  "arguments": [
    "$(1 + 1)"
  ],
  "inputs": {},
  "outputs": {}
}
