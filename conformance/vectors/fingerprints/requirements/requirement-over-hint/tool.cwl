cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
hints:
  EnvVarRequirement: {envDef: {FROM: hint of the tool}}
  ToolTimeLimit: {timelimit: 1}
inputs: {n: int}
outputs: []
