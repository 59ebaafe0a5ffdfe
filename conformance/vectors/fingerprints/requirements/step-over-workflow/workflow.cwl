cwlVersion: v1.2
class: Workflow
requirements:
  EnvVarRequirement: {envDef: {FROM: workflow}}
  ToolTimeLimit: {timelimit: 3}
inputs: {n: int}
outputs: []
steps:
  align:
    run: tool.cwl
    requirements:
      EnvVarRequirement: {envDef: {FROM: step}}
      ToolTimeLimit: {timelimit: 2}
    in: {n: n}
    out: []
