cwlVersion: v1.2
class: Workflow
requirements:
  EnvVarRequirement: {envDef: {FROM: requirement of the workflow}}
hints:
  ToolTimeLimit: {timelimit: 2}
inputs: {n: int}
outputs: []
steps:
  align:
    run: tool.cwl
    in: {n: n}
    out: []
