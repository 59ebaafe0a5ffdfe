cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs:
  plain: string
  maybe: int?
  several: double[]
  maybe_several: File[]?
  union: [string, long]
  one_of_one: [float]
  deep:
    type:
      type: array
      items: {type: array, items: [int, string]}
  choice:
    type: {type: enum, symbols: [quick, exact], label: prose, name: speed}
  any: Any
  flag:
    type: boolean
    default: false
outputs: []
