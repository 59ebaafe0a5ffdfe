cwlVersion: v1.2
$graph:
  - id: other
    class: CommandLineTool
    baseCommand: other
    inputs: []
    outputs: []
  - id: align
    class: CommandLineTool
    baseCommand: align
    inputs:
      - {id: n, type: int, inputBinding: {prefix: -n}}
    outputs: []
