{
  "cwlVersion": "v1.2",
  "class": "CommandLineTool",
  "baseCommand": "echo",
  "inputs": {},
  "outputs": {
    "n": {
      "type": "int",
      "outputBinding": {
        "outputEval": "${return 1}"
      }
    }
  }
}
