cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs:
  given: float[]
  default: {type: double, default: 0.50}
  bound: {type: double, default: 1.0}
outputs: []
