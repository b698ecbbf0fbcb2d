export interface Migration {
  id: string;
  checksum: string;
  statements: string[];
}
export interface ClusterOptions {
  cluster?: string;
  database?: string;
}
export function readMigrations(folder?: string): Migration[];
export function clusterStatements(options: ClusterOptions & { cluster: string; migrations?: Migration[] }): string[];
export function accessStatements(options: ClusterOptions & { tenants?: string[] }): string[];
export function tenantTables(statements: readonly string[]): string[];
