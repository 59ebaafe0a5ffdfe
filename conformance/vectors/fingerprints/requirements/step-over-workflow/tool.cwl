cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  ToolTimeLimit: {timelimit: 1}
inputs: {n: int}
outputs: []
