cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  EnvVarRequirement: {envDef: {FROM: tool}}
inputs: {n: int}
outputs: []
