declare module "subset-font" {
  type Axis = number | { readonly min: number; readonly max: number };
  function subsetFont(
    font: Buffer,
    text: string,
    options: { readonly targetFormat: "woff2"; readonly variationAxes?: Readonly<Record<string, Axis>> },
  ): Promise<Buffer>;
  // biome-ignore lint/style/noDefaultExport: it is how the package exports it
  export default subsetFont;
}
